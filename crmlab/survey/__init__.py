"""What customers think: items and scales, factors, measurement models, satisfaction."""
