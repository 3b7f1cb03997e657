/** What a bench is told on its command line. */
export function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`)
  return at > 0 ? process.argv[at + 1] : undefined
}

/** Where the data sets are; they are not shipped with tutti. @throws when nobody says it */
export function dataFolder(): string {
  const data = option('data') ?? process.env.TUTTI_DATA
  if (data === undefined) throw new Error('Say where the data sets are: --data FOLDER, or TUTTI_DATA.')
  return data
}
