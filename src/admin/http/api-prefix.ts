/** Of the paths of all routes. */
export const PREFIX = '/api/v1'
