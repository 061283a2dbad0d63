// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// Why a request cannot be taken: the caller's mistake, in a sentence the caller can act on.
public struct InvalidRequest: Error, Sendable, Equatable {
    /// The kind of mistake.
    public var code: Code
    /// The request's member at fault, where there is one.
    public var parameter: String?
    /// One sentence for the caller.
    public var message: String

    /// Creates an error.
    public init(_ code: Code, _ parameter: String?, _ message: String) {
        self.code = code
        self.parameter = parameter
        self.message = message
    }

    /// The error codes of the contract that belong to a caller's mistake.
    public enum Code: String, Sendable, Codable {
        /// A member has a value that is not allowed.
        case invalidValue = "invalid_value"
        /// A required member is absent, null or blank.
        case missingParameter = "missing_required_parameter"
        /// The gateway or every candidate vendor cannot honor a member.
        case unsupportedParameter = "unsupported_parameter"
        /// An input picture is not a picture that can be used.
        case invalidImage = "invalid_image"
        /// The body is not JSON.
        case invalidJSON = "invalid_json"
        /// No route serves the model.
        case modelNotFound = "model_not_found"
        /// The caller's key may not use the model.
        case modelNotAllowed = "model_not_allowed"
        /// A body or a picture is larger than allowed.
        case payloadTooLarge = "payload_too_large"
    }
}
