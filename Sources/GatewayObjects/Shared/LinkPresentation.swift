// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What a browser shall do with a picture that a link leads to.
public enum LinkDisposition: String, Sendable, CaseIterable {
    /// Show it; a name is there for whoever saves it.
    case inline
    /// Save it under its name.
    case attachment
}

/// What a link says about its picture beyond where it is.
public struct LinkPresentation: Sendable, Hashable {
    /// What a browser shall do; `nil` to leave that to the service.
    public var disposition: LinkDisposition?
    /// Whether the link itself says the media type, for services that forget or change it.
    public var statesContentType: Bool

    /// Creates a presentation; without arguments links say nothing.
    public init(disposition: LinkDisposition? = nil, statesContentType: Bool = false) {
        self.disposition = disposition
        self.statesContentType = statesContentType
    }

    /// The parameters of a link, by the names that S3 and OSS share.
    func parameters(for key: ObjectKey) -> [(name: String, value: String)] {
        var parameters: [(name: String, value: String)] = []
        if let disposition = header(for: key) { parameters.append(("response-content-disposition", disposition)) }
        if statesContentType { parameters.append(("response-content-type", key.mediaType)) }
        return parameters
    }

    /// The value of `Content-Disposition`; a key's last part needs neither quotes nor escapes inside the quotes.
    func header(for key: ObjectKey) -> String? {
        let name = key.description.split(separator: "/").last ?? ""
        return disposition.map { "\($0.rawValue); filename=\"\(name)\"" }
    }
}

extension ObjectKey {
    /// The media type that the name's extension stands for.
    var mediaType: String {
        let known = PictureFormat.allCases.first { format in
            description.hasSuffix(".\(format.fileExtension)") || description.hasSuffix(".\(format.rawValue)")
        }
        return known?.mediaType ?? "application/octet-stream"
    }
}
