"""Pictures of products: checked and made small in a process of their own, kept by their content."""
