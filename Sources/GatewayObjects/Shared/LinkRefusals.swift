// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Says why a link does not give what was stored a moment before.
///
/// The upload went well, so the credentials are right: what is wrong is the place that links lead to, or what stands in
/// front of it. The same answer to an upload means something else.
struct LinkRefusals: Sendable {
    /// The key of `storage` that says where links lead.
    let setting: String
    /// The key of `storage` that says where the bucket stands in links.
    let addressing: String
    /// What the credentials need.
    let permission: String

    /// A sentence for an answer whose reason is the link's own; `nil` where it means the same as for any request.
    ///
    /// - Parameters:
    ///   - status: The answer's status.
    ///   - code: The service's word for it; empty if it is not the service that answers.
    ///   - region: The region that the answer names.
    func refusal(_ status: Int, _ code: String, region: String? = nil) -> ObjectError? {
        switch code {
        case "SignatureDoesNotMatch":
            return denied(
                "The storage refuses the signature of links: a proxy at \(place) changes host, path or query, or the "
                    + "service knows \(place) by another name."
            )
        case "InvalidAccessKeyId":
            return denied("\(place) leads to another service, which does not know storage.access_key_id.")
        case "NoSuchKey", "NoSuchBucket", "NoSuchVersion", "NoSuchCname", "CnameDenied":
            return misplaced(
                "\(place) leads to another bucket, or to none: check it and storage.\(addressing)."
            )
        case "AuthorizationQueryParametersError", "AuthorizationHeaderMalformed", "PermanentRedirect",
            "TemporaryRedirect", "InvalidRegion":
            let other = region.map { " (\($0))" } ?? ""
            return denied(
                "\(place) leads to another region\(other) than uploads go to: set it to that of the bucket's region."
            )
        case "PathStyleDomainForbidden", "SecondLevelDomainForbidden", "NonStandardHostForbidden":
            return misplaced(
                "The storage takes the bucket in the host of links only: set storage.\(addressing) to virtual, or to domain "
                    + "if \(place) is the bucket's own host."
            )
        case "AccessDenied":
            return denied(
                "The storage lets nobody read by links (HTTP \(status)): the key needs \(permission) on the bucket's objects, "
                    + "and no policy of the bucket or its network rules against it."
            )
        case "": return foreign(status)
        default: return nil
        }
    }

    /// An answer without the service's word comes from something in front of it, or from something else.
    private func foreign(_ status: Int) -> ObjectError? {
        switch status {
        case 300..<400:
            misplaced("\(place) sends callers elsewhere (HTTP \(status)): set it to the place itself, scheme included.")
        case 404: misplaced("\(place) leads to another bucket or service, where the picture is not (HTTP 404).")
        case 400..<500:
            denied(
                "Something at \(place) refuses links before the storage sees them (HTTP \(status)): a proxy or firewall."
            )
        default: nil
        }
    }

    private var place: String { "storage.\(setting)" }

    private func denied(_ sentence: String) -> ObjectError { ObjectError(.denied, isTemporary: false, sentence) }

    private func misplaced(_ sentence: String) -> ObjectError {
        ObjectError(.misconfigured, isTemporary: false, sentence)
    }
}
