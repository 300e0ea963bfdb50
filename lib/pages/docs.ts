/** Loaded by a script of its own before this one (swagger-ui-dist, which has no types). */
declare function SwaggerUIBundle(options: {
  url: string
  dom_id: string
  deepLinking: boolean
  tryItOutEnabled: boolean
  validatorUrl: null
}): unknown

SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  tryItOutEnabled: true,
  // The public validator: nothing of this machine is sent there.
  validatorUrl: null,
})
