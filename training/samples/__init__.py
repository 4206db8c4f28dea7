"""Makes the sample inputs that the package ships."""
