"""Files made to hurt the service, and the script that makes them."""
