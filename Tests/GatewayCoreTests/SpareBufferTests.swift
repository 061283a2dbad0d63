// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Testing

@Suite struct SpareBufferTests {
    private static func buffer(_ kibibytes: Int, _ text: String = "") -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: kibibytes << 10)
        buffer.writeString(text)
        return buffer
    }

    private static func place(_ buffer: ByteBuffer?) -> UInt? {
        buffer?.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
    }

    @Test func `a buffer that was given is taken again, whole and empty`() {
        let spare = SpareBuffers()
        var buffer = Self.buffer(512, "{\"a picture\"}")
        let place = Self.place(buffer)
        var slice = buffer.readSlice(length: 5)
        buffer = ByteBuffer()
        if let slice { spare.give(slice) }
        slice = nil

        let taken = spare.take(atLeast: 300 << 10)

        #expect(Self.place(taken) == place)
        #expect(taken?.readableBytes == 0)
        #expect(taken?.writableBytes == 512 << 10)
        #expect(spare.bytes == 0)
        #expect(spare.take(atLeast: 300 << 10) == nil)
    }

    @Test func `what somebody still reads is not taken, and stays as it is`() {
        let spare = SpareBuffers()
        var reader = Self.buffer(512, "still read")
        spare.give(reader)

        #expect(spare.take(atLeast: 300 << 10) == nil)
        #expect(String(buffer: reader) == "still read")
        reader = ByteBuffer()
        #expect(spare.take(atLeast: 300 << 10) != nil)
    }

    @Test func `several pictures of one memory are kept once, and are taken when all are done with`() {
        let spare = SpareBuffers()
        var whole = Self.buffer(512, "onetwo")
        var slices = [whole.readSlice(length: 3), whole.readSlice(length: 3)]
        whole = ByteBuffer()
        for slice in slices.compactMap(\.self) { spare.give(slice) }

        #expect(spare.bytes == 512 << 10)
        #expect(spare.take(atLeast: 300 << 10) == nil)
        slices = []
        #expect(spare.take(atLeast: 300 << 10) != nil)
    }

    @Test func `a small picture does not get a large one's memory`() {
        let spare = SpareBuffers()
        spare.give(Self.buffer(4096))

        #expect(spare.take(atLeast: 1023 << 10) == nil)
        #expect(spare.take(atLeast: 1024 << 10) != nil)
    }

    @Test func `what is too small stays, and the latest that fits is taken`() {
        let spare = SpareBuffers()
        var places: [UInt?] = []
        for size in [1024, 1024, 512] {
            let buffer = Self.buffer(size)
            places.append(Self.place(buffer))
            spare.give(buffer)
        }

        #expect(Self.place(spare.take(atLeast: 1000 << 10)) == places[1])
        #expect(Self.place(spare.take(atLeast: 1000 << 10)) == places[0])
        #expect(spare.take(atLeast: 1000 << 10) == nil)
        #expect(Self.place(spare.take(atLeast: 300 << 10)) == places[2])
    }

    @Test func `small and huge buffers are not kept, and never more than the limit`() {
        let spare = SpareBuffers()

        spare.give(Self.buffer(128))
        spare.give(Self.buffer(16 << 10))
        #expect(spare.bytes == 0)
        for _ in 0..<40 { spare.give(Self.buffer(2048)) }
        #expect(spare.bytes == SpareBuffers.limit)
    }

    @Test func `what nobody needed between two looks goes back to the system`() {
        let spare = SpareBuffers()
        for _ in 0..<4 { spare.give(Self.buffer(1024)) }

        spare.shrink()
        #expect(spare.bytes == 4 << 20, "it was given just now")
        if let used = spare.take(atLeast: 1 << 20) { spare.give(used) }
        spare.shrink()
        #expect(spare.bytes == 1 << 20, "one was needed")
        spare.shrink()
        spare.shrink()
        #expect(spare.bytes == 0)
    }
}
