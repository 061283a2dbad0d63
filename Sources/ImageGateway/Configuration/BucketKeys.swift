// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The credentials of a bucket, from the configuration or the variables that every tool of its kind knows.
struct BucketKeys {
    /// The variables of an environment.
    struct Variables {
        let accessKeyID, secretAccessKey, sessionToken: String

        static let s3 = Variables(
            accessKeyID: "AWS_ACCESS_KEY_ID",
            secretAccessKey: "AWS_SECRET_ACCESS_KEY",
            sessionToken: "AWS_SESSION_TOKEN"
        )
        static let oss = Variables(
            accessKeyID: "OSS_ACCESS_KEY_ID",
            secretAccessKey: "OSS_ACCESS_KEY_SECRET",
            sessionToken: "OSS_SESSION_TOKEN"
        )
    }

    var accessKeyID = ""
    var secretAccessKey = Secret("")
    var sessionToken: Secret?

    /// Reads them; nothing is needed beside a file.
    init?(_ reader: SettingsReader, isNeeded: Bool, hasFile: Bool, _ variables: Variables) {
        let names = ["access_key_id", "secret_access_key", "session_token"]
        // All are asked for, so that none is unknown.
        let isGiven = !names.filter { reader.has($0) }.isEmpty
        if hasFile {
            if isNeeded, let other = names.first(where: { reader.text($0)?.isEmpty == false }) {
                reader.complain("credentials_file", "and storage.\(other) are both there: take one out.")
            }
            return
        }
        if isNeeded, !isGiven, let id = reader.variable(variables.accessKeyID),
            let secret = reader.variable(variables.secretAccessKey)
        {
            (accessKeyID, secretAccessKey) = (id, Secret(secret))
            sessionToken = reader.variable(variables.sessionToken).map { Secret($0) }
            return
        }
        let id = isNeeded ? reader.neededText(names[0]) : reader.text(names[0])
        let secret = isNeeded ? reader.neededText(names[1]) : reader.text(names[1])
        // Empty is usual here: an environment variable that only temporary credentials have.
        sessionToken = reader.text(names[2]).flatMap { $0.isEmpty ? nil : Secret($0) }
        guard let id, let secret else { return nil }
        (accessKeyID, secretAccessKey) = (id, Secret(secret))
    }
}
