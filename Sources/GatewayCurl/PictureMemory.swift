// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

internal import CCurl

/// How a process that receives pictures all day asks the system for memory.
public enum PictureMemory {
    /// Has freed memory stay with the process for the next picture; to be called once, when a server starts.
    ///
    /// Otherwise each picture of some megabytes comes into memory that the system has to make and clear first, which took
    /// three quarters of the time of the copy. At most 16 MiB stay for each of four arenas; buffers of 8 MiB and more are
    /// given back at once, so that a few huge answers leave nothing behind.
    public static func keep() {
        gateway_keep_freed_memory()
    }
}
