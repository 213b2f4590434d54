"""The steps of a deployment: what would change, resources, code, gateway, the shift to a version, and the way back."""
