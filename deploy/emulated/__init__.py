"""The whole deployment against an emulated cloud that enforces permissions: `make deploy-local`."""
