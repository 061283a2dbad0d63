// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Hummingbird

/// The models a key can use.
struct ModelRoutes: Sendable {
    let models: ModelDirectory

    func add(to routes: Routes) {
        routes.on(.get, "/v1/models") { _, context in
            let mine = models.models.filter { context.caller.mayUse($0.id) }
            return Response(json: ["object": "list", "data": .array(mine.map(Self.view))])
        }
        routes.on(.get, "/v1/models/:id") { _, context in
            let id = context.pathName?.removingPercentEncoding ?? ""
            guard let model = models[id], context.caller.mayUse(id) else {
                throw InvalidRequest(.modelNotFound, "model", "The model '\(id.prefix(100))' does not exist.")
            }
            return Response(json: Self.view(model))
        }
    }

    /// `created` is required by the clients' types; models have no such date here.
    private static func view(_ model: PublicModel) -> JSON {
        ["id": JSON(model.id), "object": "model", "created": 0, "owned_by": JSON(model.family)]
    }
}
