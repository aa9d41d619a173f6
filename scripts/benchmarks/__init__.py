"""What `python -m scripts.bench` measures, one module per subject."""
