"""API Gateway: what stands before the functions, declared once, rendered for swagger, CloudFormation and Terraform."""
