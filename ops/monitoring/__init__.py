"""What an operator watches the switch with: Prometheus, rules, alerts, dashboards. Serves no terminal."""
