"""What forecasts of the service are compared with: simple probabilities and a small U-Net."""
