/** The deadline of the run fires under this key; that of a scope under `<key of the scope>/~deadline`. */
export const DEADLINE_KEY = '~deadline'
