-- Roles belong to the server, not to one database. `legacy_reader` may read everything, owns nothing, and is therefore
-- subject to row-level security; `legacy_app` is what the old application connects as.
DO $$
BEGIN
    CREATE ROLE legacy_reader LOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;
DO $$
BEGIN
    CREATE ROLE legacy_app LOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;
