"""Dashboards as saved objects of Kibana and of OpenSearch Dashboards, and the way to put them there."""
