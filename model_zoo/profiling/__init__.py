"""What a network costs and what its layers compute."""
