// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import HTTPTypes
import NIOCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One conversation with a vendor, kept in a file: what is asked, what goes out, what comes back.
///
/// ## The file
/// A JSON object with these members; any other is an error.
/// - `source` (required): `recorded` from the live vendor, or `documented`, written from its documentation.
/// - `date` (required): when, `YYYY-MM-DD`.
/// - `reference`: the page of the documentation, or the address that was recorded.
/// - `note`: what to know about it.
/// - `call`: the ``ProviderCall`` by `model`, `prompt`, `count`, `aspect_ratio`, `tier`, `format`, `compression`,
///   `quality`, `seed`, `negative_prompt`, and for an edit `inputs` (a list) and `mask`, picture files in base64;
///   without it the call is a plain one for the vendor's first model.
/// - `job`: the vendor's task id; then ``ImageTaskProvider/poll(_:key:)`` is called instead.
/// - `quotes_model`: `true` if the caller is told the model's own words out of this answer.
/// - `exchanges` (required): a list of objects, one for each HTTP exchange, with
///   - `request`: what must go out: `method`, `path` (behind the base URL, query included), `body` (JSON, compared
///     whatever the order of its members);
///   - either `status`, `headers` and a `body` (JSON) or `text` (anything else);
///   - or `failure` (a ``TransportError/Code``) and `may_have_arrived`.
public struct Recording: Sendable {
    /// Where a recording comes from.
    public enum Source: String, Sendable {
        /// From the live vendor, keys removed.
        case recorded
        /// Written from the vendor's documentation.
        case documented
    }

    /// One HTTP exchange.
    public struct Exchange: Sendable {
        /// What must go out.
        public var method, path: String?
        /// The body that must go out.
        public var body: JSON?
        /// What comes back.
        public var answer: ReplayTransport.Answer
    }

    /// The scenario, which is the file's name without its extension.
    public let name: String
    /// Where it comes from.
    public let source: Source
    /// When it was made, `YYYY-MM-DD`.
    public let date: String
    /// The page it was written from, or what was recorded, if it says so.
    public let reference: String?
    /// What is asked for; `nil` for a plain call.
    public let call: ProviderCall?
    /// What is polled for, if it is a poll.
    public let job: ProviderJob?
    /// Whether the caller is told the model's own words.
    public let quotesModel: Bool
    /// The exchanges, in order.
    public let exchanges: [Exchange]

    /// Reads a recording.
    ///
    /// - Parameters:
    ///   - name: The scenario.
    ///   - file: The file's contents.
    /// - Throws: ``RecordingError`` naming the scenario and the mistake.
    public init(name: String, _ file: JSON) throws(RecordingError) {
        let reader = RecordingReader(name: name)
        try reader.only(file, ["source", "date", "reference", "note", "call", "job", "quotes_model", "exchanges"])
        self.name = name
        source = try reader.word(file, "source")
        date = try reader.date(file)
        reference = file["reference"]?.string
        call = try reader.call(file["call"])
        job = file["job"]?.string.map { ProviderJob(id: $0) }
        quotesModel = file["quotes_model"]?.bool ?? false
        exchanges = try reader.exchanges(file["exchanges"])
    }

    /// Reads every recording of a folder, by name.
    ///
    /// - Throws: ``RecordingError`` for a folder or a file that cannot be read.
    public static func all(inFolder path: String) throws(RecordingError) -> [String: Recording] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            throw RecordingError("The folder \(path) cannot be read.")
        }
        var recordings: [String: Recording] = [:]
        for file in names where file.hasSuffix(".json") {
            let name = String(file.dropLast(".json".count))
            guard let data = FileManager.default.contents(atPath: "\(path)/\(file)"),
                let json = try? JSON(reading: ByteBuffer(bytes: data))
            else { throw RecordingError("\(name): the file is not JSON.") }
            recordings[name] = try Recording(name: name, json)
        }
        return recordings
    }
}

/// A recording that cannot be used.
public struct RecordingError: Error, Sendable, CustomStringConvertible {
    /// One sentence that names the recording.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Takes the parts of one recording out of its file.
private struct RecordingReader {
    let name: String

    func only(_ object: JSON, _ known: [String]) throws(RecordingError) {
        guard let members = object.members else { throw RecordingError("\(name): an object is missing.") }
        for member in members where !known.contains(member.name) {
            throw RecordingError("\(name): there is no member '\(member.name)'.")
        }
    }

    func word<Word: RawRepresentable<String>>(_ object: JSON, _ member: String) throws(RecordingError) -> Word {
        guard let word = object[member]?.string.flatMap(Word.init(rawValue:)) else {
            throw RecordingError("\(name): '\(member)' is missing or unknown.")
        }
        return word
    }

    func date(_ object: JSON) throws(RecordingError) -> String {
        guard let date = object["date"]?.string, date.wholeMatch(of: /[0-9]{4}-[0-9]{2}-[0-9]{2}/) != nil else {
            throw RecordingError("\(name): 'date' must be YYYY-MM-DD.")
        }
        return date
    }

    func call(_ object: JSON?) throws(RecordingError) -> ProviderCall? {
        guard let object else { return nil }
        let known = ["model", "prompt", "count", "aspect_ratio", "tier", "format", "compression", "quality", "seed"]
        try only(object, known + ["negative_prompt", "inputs", "mask"])
        guard let model = object["model"]?.string, let prompt = object["prompt"]?.string else {
            throw RecordingError("\(name): the call needs 'model' and 'prompt'.")
        }
        var call = ProviderCall(model: model, prompt: prompt, count: object["count"]?.integer ?? 1)
        call.aspectRatio = object["aspect_ratio"]?.string.flatMap { AspectRatio($0) }
        call.tier = object["tier"]?.string.flatMap { SizeTier(rawValue: $0) }
        call.format = object["format"]?.string.flatMap { PictureFormat(rawValue: $0) }
        call.compression = object["compression"]?.integer
        call.quality = object["quality"]?.string.flatMap { ImageRequest.Quality(rawValue: $0) }
        call.seed = object["seed"]?.integer
        call.negativePrompt = object["negative_prompt"]?.string
        for file in object["inputs"]?.array ?? [] { call.inputs.append(try picture(file)) }
        if let mask = object["mask"] { call.mask = try picture(mask) }
        return call
    }

    private func picture(_ file: JSON) throws(RecordingError) -> InputPicture {
        guard case .string(let text) = file, let picture = Base64.decode(text.bytes).flatMap({ InputPicture($0) })
        else {
            throw RecordingError("\(name): an input of the call is no picture in base64.")
        }
        return picture
    }

    func exchanges(_ list: JSON?) throws(RecordingError) -> [Recording.Exchange] {
        guard let list = list?.array, !list.isEmpty else { throw RecordingError("\(name): 'exchanges' is missing.") }
        var exchanges: [Recording.Exchange] = []
        for item in list { exchanges.append(try exchange(item)) }
        return exchanges
    }

    private func exchange(_ item: JSON) throws(RecordingError) -> Recording.Exchange {
        try only(item, ["request", "status", "headers", "body", "text", "failure", "may_have_arrived"])
        let request = item["request"] ?? [:]
        try only(request, ["method", "path", "body"])
        return Recording.Exchange(
            method: request["method"]?.string,
            path: request["path"]?.string,
            body: request["body"],
            answer: try answer(item)
        )
    }

    private func answer(_ item: JSON) throws(RecordingError) -> ReplayTransport.Answer {
        if item["failure"] != nil {
            let code: TransportError.Code = try word(item, "failure")
            guard let mayHaveArrived = item["may_have_arrived"]?.bool else {
                throw RecordingError("\(name): a failure needs 'may_have_arrived'.")
            }
            return .failure(TransportError(code, mayHaveArrived: mayHaveArrived, "The recorded failure."))
        }
        guard let status = item["status"]?.integer else {
            throw RecordingError("\(name): an exchange needs 'status' or 'failure'.")
        }
        var headers: HTTPFields = [:]
        for header in item["headers"]?.members ?? [] {
            guard let field = HTTPField.Name(header.name), let value = header.value.string else {
                throw RecordingError("\(name): the header '\(header.name)' cannot be used.")
            }
            headers[field] = value
        }
        let body = item["body"]?.encoded() ?? ByteBuffer(string: item["text"]?.string ?? "")
        return .response(TransportResponse(status: status, headers: headers, body: body))
    }
}
