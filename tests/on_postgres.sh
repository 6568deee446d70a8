#!/bin/sh
# Runs a command on the private server that pg_virtualenv has started; without TLS, which costs an
# unoptimised build a third of its time. One test has it.
DJAFFAR_TEST_POSTGRES_URL="postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/postgres?sslmode=disable" exec "$@"
