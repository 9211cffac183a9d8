"""What is deployed: pure functions from typed layers to CloudFormation templates, the same bytes for the same input."""
