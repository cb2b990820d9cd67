"""The embedded model server: chat and real LoRA fine-tuning on the CPU, offline, in the OpenAI API shape.

Run it with `python -m engine --data FOLDER`. It knows nothing of who calls it.
"""
