"""Every panel as data, a topic a file: the page, the report and the dashboards draw the same ones."""
