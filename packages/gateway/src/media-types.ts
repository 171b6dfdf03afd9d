/** Media types that several routes answer with. */
export const TEXT_MEDIA_TYPE: string = "text/plain; charset=utf-8";
export const JSON_MEDIA_TYPE: string = "application/json; charset=utf-8";
