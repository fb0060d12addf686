"""The dashboards as data: panels, queries, units, words. Grafana's JSON is made of it by `grafana`."""
