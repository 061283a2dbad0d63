// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// Answers what no vendor has a path for, as a vendor's front end does: with a page, not with JSON.
struct FrontEnd: RouterMiddleware {
    typealias Context = EmulatorContext

    func handle(
        _ request: Request,
        context: EmulatorContext,
        next: (Request, EmulatorContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            let page = EmulatedAnswer.html(
                .notFound,
                "Error 404 (Not Found)!!1",
                "The requested URL was not found on this server."
            )
            return Response(status: page.status, headers: page.headers, body: ResponseBody(contentsOf: page.body))
        }
    }
}
