"""The only place that names concrete classes and starts things. Begin with `running.py`."""
