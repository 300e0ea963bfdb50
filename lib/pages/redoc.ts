/** Loaded by a script of its own before this one. */
declare const Redoc: {
  init: (url: string, options: Record<string, unknown>, element: HTMLElement | null) => void
}

// The search needs a worker made from a text, which the Content-Security-Policy does not allow.
Redoc.init('/openapi.json', { disableSearch: true, hideDownloadButton: false }, document.getElementById('reference'))
