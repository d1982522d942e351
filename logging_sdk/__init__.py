"""What runs inside a model service: it turns predictions and log lines into events and ships them."""
