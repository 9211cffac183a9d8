"""Pictures of what is deployed, computed from the templates: as Mermaid for pages, and with AWS's icons."""
