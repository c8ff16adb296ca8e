"""What a run tells while it goes: written down beside the training, carried to a server by somebody else."""
