"""A store in a cluster: Elasticsearch and OpenSearch, asked by aggregations, which both understand."""
