export { type PostgresOptions, type PostgresStats, type PostgresStore, postgres } from './postgres.ts'
