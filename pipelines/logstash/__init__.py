"""Logstash as the wire: its pipelines rendered from the schema, and what they do said in Python."""
