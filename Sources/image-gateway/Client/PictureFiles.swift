// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import NIOCore

/// Follows a task to its end and saves its pictures.
struct PictureFiles {
    let client: GatewayClient
    /// Where to save; `nil` for the task's own name in the current folder.
    let output: String?

    /// Refuses a file that could not be written in the end, before anything is bought.
    func checkOutput() throws {
        guard let output else { return }
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: output, isDirectory: &isFolder)
        let folder = URL(fileURLWithPath: output).deletingLastPathComponent().path
        guard !(exists && isFolder.boolValue), FileManager.default.isWritableFile(atPath: folder) else {
            throw CommandFailure("\(output) cannot be written; nothing was begun.", status: ExitStatus.usage)
        }
    }

    /// Waits until a task is final, showing how far it is.
    func follow(_ task: JSON) async throws -> JSON {
        var display = ProgressDisplay()
        defer { display.end() }
        var task = task
        if let id = task["id"]?.string { Terminal.note("Task \(id)") }
        while let status = task["status"]?.string, status == "pending" || status == "in_progress" {
            display.show(status: status, progress: task["progress"]?.integer ?? 0)
            guard let id = task["id"]?.string else { break }
            task = try await client.get("/v1/images/tasks/\(id)?wait=2", waiting: .seconds(2))
        }
        return task
    }

    /// Saves the pictures of a completed task.
    ///
    /// - Returns: The files, in order.
    func save(_ task: JSON) async throws -> [String] {
        var files: [String] = []
        let links = (task["data"]?.array ?? []).compactMap { $0["url"]?.string }
        for (place, link) in links.enumerated() {
            let picture = try await client.download(link)
            guard let header = PictureHeader(picture.readableBytesView) else {
                throw CommandFailure("What came from the picture's link is no picture.")
            }
            let file = name(of: task, place: place, count: links.count, header.format)
            do {
                try Data(picture.readableBytesView).write(to: URL(fileURLWithPath: file), options: .atomic)
            } catch {
                let id = task["id"]?.string ?? ""
                throw CommandFailure("\(file) cannot be written. The picture is kept: image-gateway task \(id) -o FILE")
            }
            if PictureFormat(fileExtension: file) != header.format {
                Terminal.note("Note: \(file) holds a \(header.format.rawValue) picture.")
            }
            files.append(file)
        }
        return files
    }

    private func name(of task: JSON, place: Int, count: Int, _ format: PictureFormat) -> String {
        let id = task["id"]?.string ?? "picture"
        let wanted = output ?? "\(id).\(format.fileExtension)"
        guard count > 1 else { return wanted }
        let url = URL(fileURLWithPath: wanted)
        let stem = url.deletingPathExtension().relativePath
        let ending = url.pathExtension.isEmpty ? "" : ".\(url.pathExtension)"
        return "\(stem)-\(place + 1)\(ending)"
    }
}

extension PictureFormat {
    /// The format a file's name promises.
    init?(fileExtension file: String) {
        switch URL(fileURLWithPath: file).pathExtension.lowercased() {
        case "png": self = .png
        case "jpg", "jpeg": self = .jpeg
        case "webp": self = .webp
        default: return nil
        }
    }
}
