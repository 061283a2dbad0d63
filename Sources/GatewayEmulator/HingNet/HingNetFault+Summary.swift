// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

extension HingNetFault {
    /// What a caller sees, in one sentence.
    var summary: String {
        switch self {
        case .badRequest: "400: a field is missing."
        case .badParameter: "400: the model does not take a parameter."
        case .makerError: "400: the model's maker rejected the request; the code is a number."
        case .badImage: "400: a picture could not be read."
        case .refuse: "400: the prompt is against the content policy."
        case .refuseInput: "422: the input is refused, with a code of the maker's."
        case .refuseMaker: "400: the maker's safety settings blocked the prompt."
        case .badKey: "401: the key is not valid."
        case .expiredKey: "401: the key has expired."
        case .spentKey: "401: the key's quota is used up."
        case .noBalance: "402: the account's balance is too low."
        case .noBalance403: "403 with the code of a balance that is too low."
        case .noBalance429: "429 with the code of a balance that is too low, and words of overload."
        case .noReserve429: "429: the key's quota cannot be reserved, in words of overload."
        case .forbidden: "403: the key's group does not exist."
        case .notDeployed: "404: the path is not known at this brand."
        case .tooLarge: "413 as a page."
        case .rateLimit: "429: too many calls of this account."
        case .upstreamLimit: "429: the model's maker is saturated."
        case .retriesOver: "429: the gateway's own retries ran out of time."
        case .emptyLimit: "429 without a body."
        case .noRoute: "503: no channel took the call."
        case .noRoute429: "429: no channel took the call."
        case .unknownModel: "503: the account's group has no channel for the model."
        case .noChannel: "503: the model's channel cannot draw."
        case .panic: "500: the gateway crashed."
        case .quotaFailure: "500: the account could not be looked up."
        case .lostInside: "500: the gateway lost its maker's answer; billed."
        case .undecodable: "500: the gateway could not read its maker's answer; billed."
        case .noImage: "500: the model gave no picture."
        case .noAddress: "500: the picture has no address to be fetched from; billed."
        case .upstream503: "503: the maker is unavailable."
        case .upstream401: "401: the maker does not accept the vendor's own key."
        case .badGateway: "502 as a page."
        case .gatewayTimeout: "504 as a page."
        case .gatewayTimeoutBilled: "504 as a page; the picture is made and billed all the same."
        case .originTimeout: "524 as a page; billed."
        case .errorInSuccess: "An error in an answer of status 200."
        case .brokenJSON: "An answer of status 200 whose JSON breaks off; billed."
        }
    }
}
