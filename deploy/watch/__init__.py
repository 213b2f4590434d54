"""What watches a stage: alarms and dashboards, declared as data, made into CloudFormation by `rendered.py`."""
