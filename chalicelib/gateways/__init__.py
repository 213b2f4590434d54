"""Other people's APIs: identity providers, object store, queues, secrets, analysts."""
