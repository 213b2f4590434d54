"""What stands around the code in the cloud, declared once: resources here, policies and templates made from them."""
