"""The CloudFormation template of a stage, rendered from `deploy/resources.py` and `deploy/stages.py`."""
