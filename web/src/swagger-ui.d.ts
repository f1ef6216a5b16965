// The part of Swagger UI's interface that the API reference uses; jsconfig.json puts it in place of the package's bundle.
export default function SwaggerUI(options: Record<string, unknown>): unknown
