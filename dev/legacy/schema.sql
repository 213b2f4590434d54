-- The legacy database as it runs in production (PostgreSQL 15, schema public). Plain SQL: `psql -f schema.sql`.
-- Roles come from roles.sql, which is run first.

CREATE TYPE auth_provider AS ENUM ('google', 'apple', 'facebook');
CREATE TYPE account_status AS ENUM ('active', 'suspended', 'deactivated', 'deleted');
CREATE TYPE consent_type AS ENUM (
    'medical_disclaimers', 'terms_of_service', 'privacy_policy', 'healthcare_consultation', 'emergency_care_limitation'
);
CREATE TYPE device_status AS ENUM ('active', 'inactive', 'revoked');
CREATE TYPE session_status AS ENUM ('active', 'expired', 'revoked');
CREATE TYPE biometric_type AS ENUM ('fingerprint', 'face', 'voice');
CREATE TYPE subscription_status AS ENUM ('active', 'expired', 'cancelled', 'pending');
CREATE TYPE subscription_type AS ENUM ('monthly', 'yearly');
CREATE TYPE payment_provider AS ENUM ('apple', 'google', 'stripe');
CREATE TYPE payment_status AS ENUM ('pending', 'completed', 'failed', 'refunded', 'disputed');
CREATE TYPE content_type AS ENUM ('result', 'report');
CREATE TYPE chat_category AS ENUM ('explanation', 'doctor_prep', 'clarification', 'general', 'metrics');
CREATE TYPE file_type AS ENUM ('pdf', 'jpg', 'jpeg', 'png');
CREATE TYPE processing_status AS ENUM ('uploaded', 'processing', 'completed', 'failed', 'timeout', 'retrying');

CREATE FUNCTION keep_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = now();
    RETURN NEW;
END
$$;

CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    external_id varchar(255) NOT NULL,
    auth_provider auth_provider NOT NULL,
    email varchar(255) NOT NULL,
    email_hash varchar(64),
    email_verified bool DEFAULT false,
    name varchar(255) NOT NULL,
    given_name varchar(255),
    family_name varchar(255),
    account_status account_status DEFAULT 'active',
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    last_login_at timestamptz,
    deactivated_at timestamptz,
    UNIQUE (external_id, auth_provider)
);
CREATE UNIQUE INDEX users_email_hash_key ON users (email_hash) WHERE email_hash IS NOT NULL;

CREATE TABLE consent_records (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    consent_type consent_type NOT NULL,
    consent_given bool NOT NULL,
    consent_version varchar(50) NOT NULL,
    consent_method varchar(20) DEFAULT 'bundled_consent',
    ui_checkbox_group int,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    withdrawn_at timestamptz,
    UNIQUE (user_id, consent_type)
);

CREATE TABLE user_devices (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id),
    device_id text NOT NULL,
    device_name text,
    platform text NOT NULL,
    model text,
    os_version text,
    app_version text,
    biometric_type biometric_type,
    secure_element bool DEFAULT false,
    public_key text,
    status device_status DEFAULT 'active',
    last_active_at timestamptz DEFAULT now(),
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    UNIQUE (user_id, device_id)
);

CREATE TABLE user_sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id),
    device_id uuid NOT NULL REFERENCES user_devices (id),
    session_id text NOT NULL UNIQUE,
    refresh_token_hash text NOT NULL,
    access_token_hash text,
    status session_status DEFAULT 'active',
    created_at timestamptz DEFAULT now(),
    last_accessed_at timestamptz DEFAULT now(),
    expires_at timestamptz NOT NULL,
    last_biometric_auth_at timestamptz,
    biometric_expires_at timestamptz,
    requires_biometric_reauth bool DEFAULT false,
    updated_at timestamptz DEFAULT now(),
    CHECK (expires_at > created_at)
);

CREATE TABLE biometric_registrations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    device_id uuid NOT NULL REFERENCES user_devices (id),
    registration_id text NOT NULL UNIQUE,
    biometric_type biometric_type NOT NULL,
    challenge text NOT NULL,
    challenge_expires_at timestamptz NOT NULL,
    is_verified bool DEFAULT false,
    is_active bool DEFAULT true,
    verification_failures int DEFAULT 0 CHECK (verification_failures BETWEEN 0 AND 10),
    device_attestation_data jsonb,
    registration_metadata jsonb,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    last_verified_at timestamptz,
    UNIQUE (device_id, biometric_type)
);

CREATE TABLE subscriptions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id),
    subscription_status subscription_status DEFAULT 'pending',
    subscription_type subscription_type NOT NULL,
    provider payment_provider NOT NULL,
    external_subscription_id varchar(255) NOT NULL,
    external_subscription_id_hash varchar(64),
    start_date timestamptz NOT NULL,
    end_date timestamptz NOT NULL,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    UNIQUE (provider, external_subscription_id)
);

CREATE TABLE subscription_tiers (
    tier_name varchar(20) PRIMARY KEY,
    medical_reports bool,
    max_documents_per_month int,
    priority_processing bool,
    advanced_analytics bool,
    export_capabilities bool,
    monthly_price_usd numeric(6, 2),
    yearly_price_usd numeric(7, 2),
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now()
);

CREATE TABLE payments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    subscription_id uuid NOT NULL REFERENCES subscriptions (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users (id),
    amount numeric(10, 2) NOT NULL,
    currency char(3) NOT NULL,
    payment_status payment_status DEFAULT 'pending',
    provider_transaction_id varchar(255) NOT NULL,
    provider_transaction_id_hash varchar(64),
    payment_method varchar(100) NOT NULL,
    processed_at timestamptz,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now()
);

CREATE TABLE chat_options (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    content_type content_type NOT NULL,
    category chat_category NOT NULL,
    option_text text NOT NULL,
    full_prompt_text text,
    display_order int NOT NULL,
    has_sub_options bool,
    requires_health_data bool,
    is_active bool,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    UNIQUE (content_type, category, display_order)
);

CREATE TABLE processing_jobs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    job_id text NOT NULL UNIQUE,
    user_id uuid NOT NULL REFERENCES users (id),
    original_filename text NOT NULL,
    sanitized_filename text NOT NULL,
    file_type file_type NOT NULL,
    file_size bigint NOT NULL,
    file_checksum text,
    s3_bucket text NOT NULL,
    s3_key text NOT NULL,
    s3_encryption_key_id text,
    status processing_status DEFAULT 'uploaded',
    progress_percentage int CHECK (progress_percentage BETWEEN 0 AND 100),
    uploaded_at timestamptz NOT NULL,
    processing_started_at timestamptz,
    completed_at timestamptz,
    failed_at timestamptz,
    retry_count int CHECK (retry_count BETWEEN 0 AND 3),
    last_retry_at timestamptz,
    scheduled_retry_at timestamptz,
    max_retries int DEFAULT 3,
    processing_duration_ms bigint,
    upload_to_start_delay_ms bigint,
    error_message text,
    error_code text,
    timeout_reason text,
    user_agent text,
    source_ip inet,
    session_id text,
    correlation_id text,
    api_version text DEFAULT 'v1',
    file_type_validated bool,
    file_size_validated bool,
    content_validated bool,
    s3_result_bucket text,
    s3_result_key text,
    confidence_score int CHECK (confidence_score BETWEEN 1 AND 10),
    ai_model_used text,
    ai_processing_time_ms bigint,
    extracted_text_length int,
    text_extraction_method text,
    ttl_expires_at timestamptz DEFAULT now() + interval '24 hours',
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now()
);

CREATE TABLE processing_job_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    job_id uuid NOT NULL REFERENCES processing_jobs (id) ON DELETE CASCADE,
    event_type text NOT NULL,
    event_subtype text,
    event_status text NOT NULL,
    event_message text,
    event_details jsonb,
    error_code text,
    user_id_hash text NOT NULL,
    session_id text,
    correlation_id text,
    user_agent text,
    source_ip inet,
    api_endpoint text,
    request_method text,
    processing_time_ms bigint,
    memory_usage_mb int,
    security_scan_results jsonb,
    data_classification text DEFAULT 'medical_phi',
    gdpr_lawful_basis text DEFAULT 'consent',
    retention_years int DEFAULT 7,
    created_at timestamptz DEFAULT now()
);

CREATE TABLE schema_versions (
    version varchar(20) PRIMARY KEY,
    applied_at timestamptz,
    description text
);

CREATE INDEX consent_records_user_id_idx ON consent_records (user_id);
CREATE INDEX user_devices_user_id_idx ON user_devices (user_id);
CREATE INDEX user_sessions_user_id_idx ON user_sessions (user_id);
CREATE INDEX user_sessions_device_id_idx ON user_sessions (device_id);
CREATE INDEX biometric_registrations_device_id_idx ON biometric_registrations (device_id);
CREATE INDEX subscriptions_user_id_idx ON subscriptions (user_id);
CREATE INDEX payments_user_id_idx ON payments (user_id);
CREATE INDEX payments_subscription_id_idx ON payments (subscription_id);
CREATE INDEX processing_jobs_user_id_idx ON processing_jobs (user_id);
CREATE INDEX processing_job_events_job_id_idx ON processing_job_events (job_id);

DO $$
DECLARE
    one text;
BEGIN
    FOR one IN
        SELECT table_name FROM information_schema.columns
        WHERE table_schema = 'public' AND column_name = 'updated_at'
    LOOP
        EXECUTE format(
            'CREATE TRIGGER keep_updated_at BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION keep_updated_at()', one
        );
    END LOOP;
END
$$;

-- Rows of a job are seen by its owner alone: whoever does not own the table says for whom they ask.
ALTER TABLE processing_jobs ENABLE ROW LEVEL SECURITY;
CREATE POLICY processing_jobs_of_their_user ON processing_jobs
    USING (user_id = current_setting('app.current_user_id')::uuid);
ALTER TABLE processing_job_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY processing_job_events_of_their_user ON processing_job_events
    USING (
        job_id IN (
            SELECT id FROM processing_jobs WHERE user_id = current_setting('app.current_user_id')::uuid
        )
    );

GRANT USAGE ON SCHEMA public TO legacy_reader, legacy_app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO legacy_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO legacy_app;
