"""The way to Postgres: the bridge to asyncpg, migrations, the embedded server."""
