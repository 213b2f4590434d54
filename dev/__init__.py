"""The local cloud and the commands that run it. Nothing of this ships to Lambda."""
