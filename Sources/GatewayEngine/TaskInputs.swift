// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging
import NIOCore
import Synchronization

/// The pictures of an edit, brought into memory once for all portions of a run, when the first is about to be submitted.
final class TaskInputs: Sendable {
    /// The pictures as a vendor gets them.
    struct Pictures: Sendable {
        /// The pictures to edit, the first one the base.
        var images: [InputPicture]
        /// Where to edit the first of them.
        var mask: InputPicture?
    }

    private let task: ImageTask
    private let uploads: [InputPicture]
    private let parts: EngineParts
    private let logger: Logger
    private let turn = Slots(limit: 1)
    private let loaded = Mutex<Result<Pictures, TaskFailure>?>(nil)

    /// - Parameters:
    ///   - task: Whose pictures.
    ///   - uploads: Those that came with the request, in order, a mask last; empty if they are not in memory any more.
    ///   - parts: The object store and the way to fetch.
    ///   - logger: Where to tell what is tried again.
    init(of task: ImageTask, uploads: [InputPicture], parts: EngineParts, logger: Logger) {
        self.task = task
        self.uploads = uploads
        self.parts = parts
        self.logger = logger
    }

    /// The call with the pictures in it, in encodings that the model takes.
    ///
    /// - Throws: ``TaskFailure`` for pictures that are gone, cannot be fetched or are none; `CancellationError`.
    func filling(_ call: ProviderCall, for capabilities: ModelCapabilities) async throws -> ProviderCall {
        guard task.request.kind == .edit else { return call }
        var call = call
        let pictures = try await pictures()
        call.inputs = []
        for image in pictures.images { call.inputs.append(try await readable(image, capabilities)) }
        if let mask = pictures.mask { call.mask = try await readable(mask, capabilities) }
        return call
    }

    private func pictures() async throws -> Pictures {
        try await turn.withSlot {
            if let result = loaded.withLock({ $0 }) { return try result.get() }
            do {
                let pictures = try await load()
                loaded.withLock { $0 = .success(pictures) }
                return pictures
            } catch let failure as TaskFailure {
                // Tried often enough: no portion tries it again.
                loaded.withLock { $0 = .failure(failure) }
                throw failure
            }
        }
    }

    /// What a picture at an address is taken to have before it is there; the rest is charged as it comes.
    private static let expectedBytes = 2 << 20

    /// How many bytes are about to be brought into memory.
    private var expectedBytes: Int {
        (task.request.inputs + [task.request.mask].compactMap { $0 }).reduce(0) { sum, input in
            switch input {
            case .url: sum + Self.expectedBytes
            case .upload(_, let bytes): sum + (uploads.isEmpty ? bytes : 0)
            }
        }
    }

    private func load() async throws -> Pictures {
        let request = task.request
        // Callers name as many and as large pictures as they like: those of too many tasks at once would fill the memory.
        if expectedBytes > 0 { try await ByteBudget.Account.current?.room(for: expectedBytes) }
        var memory = uploads[...]
        var images: [InputPicture] = []
        for (place, input) in request.inputs.enumerated() {
            images.append(try await picture(input, place: place, &memory))
        }
        guard let mask = request.mask else { return Pictures(images: images) }
        let picture = try await picture(mask, place: request.inputs.count, &memory)
        guard picture.header.size == images.first?.header.size else {
            throw TaskFailure(.invalidImage, "The mask must have the same size as the first picture.")
        }
        return Pictures(images: images, mask: picture)
    }

    private func picture(
        _ input: InputImage,
        place: Int,
        _ memory: inout ArraySlice<InputPicture>
    ) async throws -> InputPicture {
        let bytes: ByteBuffer
        switch input {
        case .upload(let header, let length):
            if let picture = memory.popFirst() {
                ByteBudget.Account.current?.charge(length)
                return picture
            }
            let key = ObjectKey.input(of: task, place: place, format: header.format)
            bytes = try await parts.keeper.read(key, bytes: length)
        case .url(let url):
            bytes = try await parts.fetcher.input(at: url)
        }
        guard let picture = InputPicture(bytes) else {
            throw TaskFailure(.invalidImage, "Picture \(place + 1) of the request is not a PNG, JPEG or WebP file.")
        }
        guard PictureEnd.isThere(in: bytes, picture.header.format) else {
            throw TaskFailure(.invalidImage, "Picture \(place + 1) of the request breaks off before its end.")
        }
        return picture
    }

    /// The picture in an encoding that the model takes.
    private func readable(_ picture: InputPicture, _ capabilities: ModelCapabilities) async throws -> InputPicture {
        let known = capabilities.inputFormats
        guard !known.contains(picture.header.format), let target = known.contains(.png) ? .png : known.first,
            let transcoder = parts.transcoder
        else { return picture }
        do throws(TranscodingError) {
            let bytes = try await transcoder.transcode(picture.bytes, to: target, quality: nil)
            ByteBudget.Account.current?.charge(bytes.readableBytes)
            return InputPicture(bytes) ?? picture
        } catch {
            throw TaskFailure(.invalidImage, "A picture of the request cannot be read: \(error.message)")
        }
    }
}
