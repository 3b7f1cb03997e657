/** Pages made from the code. Written by their script; with `--check` compared instead, so that CI fails when one is out of date. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** @param path relative to the root of the repository. */
export function writePage(path: string, text: string, check = process.argv.includes('--check')): void {
  const file = join(root, path)
  const now = existsSync(file) ? readFileSync(file, 'utf8') : ''
  if (now === text) return console.log(`${path} is up to date`)
  if (check) {
    console.error(`${path} is out of date: run \`npm run pages\` and commit the result`)
    process.exitCode = 1
    return
  }
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  console.log(`${path} written`)
}

/** The page with the text between `<!-- name:begin -->` and `<!-- name:end -->` replaced. */
export function withBlock(page: string, name: string, block: string): string {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`]
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`the page has no block between ${begin} and ${end}`)
  return `${page.slice(0, from)}${begin}\n${block}\n${page.slice(to)}`
}
