"""The embedded model server: chat completions and LoRA fine-tuning, offline, behind the OpenAI API.

Run it with `python -m engine --data FOLDER`. It knows nothing about its clients.
"""
