"""OpenVINO GenAI: generates many completions at once in a fraction of llama.cpp's processor time.

It runs in a process of its own (`python -m engine.inference.openvino`), so that its crash ends that process
alone. `process.py` starts and asks it, `generator.py` answers requests with it.
"""
