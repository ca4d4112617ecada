// Starts Swagger UI on the OpenAPI document of this service; a file of its own because pages run nothing inline.

const target = /** @type {HTMLElement} */ (document.getElementById("docs"));

/** @type {any} */ (globalThis).SwaggerUIBundle({
  domNode: target,
  url: target.dataset.document,
  deepLinking: true,
  validatorUrl: null,
  requestInterceptor: (/** @type {{headers: Record<string, string>, method: string}} */ request) => {
    const csrf = document.cookie.match(/(?:^|;\s*)csrf_access_token=([^;]*)/);
    if (csrf && request.method !== "GET") request.headers["X-CSRF-TOKEN"] = decodeURIComponent(csrf[1]);
    return request;
  },
});
