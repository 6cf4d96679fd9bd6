# What is changed in mediasoup's sources, each in a copy that is built in the original's place:
#   1. wire: the numbers by which a WHEP player wants to receive (wire/wire.hpp, docs/adr/0004);
#   2. probing: a downlink that has recovered is found within seconds (docs/adr/0011);
#   3. a downlink that narrows suddenly: retransmissions that leave room, an estimate that falls at once.

# In one of mediasoup's files, named as inside its worker folder, a piece of text is replaced; it must be there
# exactly once, so that another version of mediasoup stops the build instead of being changed wrongly.
function(replace file find replacement)
  set(copy "${PATCHED}/${file}")
  get_property(done GLOBAL PROPERTY PATCHED_FILES)
  if(file IN_LIST done)
    file(READ "${copy}" text)
  else()
    file(READ "${MEDIASOUP_WORKER}/${file}" text)
    set_property(GLOBAL APPEND PROPERTY PATCHED_FILES "${file}")
  endif()
  string(FIND "${text}" "${find}" first)
  string(FIND "${text}" "${find}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "${file} is not as expected: is this mediasoup 3.27? See workers/native/patches.cmake")
  endif()
  string(REPLACE "${find}" "${replacement}" text "${text}")
  file(CONFIGURE OUTPUT "${copy}" CONTENT "${text}" @ONLY)
endfunction()

# --- 1. Wire: a WebRtcTransport rewrites payload types and header extensions just before encryption.
replace(include/RTC/WebRtcTransport.hpp
  "bool connectCalled{ false };"
  "bool connectCalled{ false };
		pharos::Wire wire;")
replace(include/RTC/WebRtcTransport.hpp
  "#include \"SharedInterface.hpp\""
  "#include \"SharedInterface.hpp\"
#include \"wire.hpp\"")
replace(src/RTC/WebRtcTransport.cpp
  "RTC::Consumer* /*consumer*/, RTC::RTP::Packet* packet, const RTC::Transport::onSendCallback* cb)"
  "RTC::Consumer* consumer, RTC::RTP::Packet* packet, const RTC::Transport::onSendCallback* cb)")
replace(src/RTC/WebRtcTransport.cpp
  "const uint8_t* data = packet->GetBuffer();
		auto len            = packet->GetLength();

		if (!this->srtpSendSession->EncryptRtp"
  "auto len = packet->GetLength();

		// A probation packet is no consumer's, and may come before the first that is.
		if (consumer)
		{
			this->wire.Learn(consumer->GetRtpParameters());
		}
		else
		{
			for (const auto& [id, each] : this->mapConsumers)
			{
				this->wire.Learn(each->GetRtpParameters());
			}
		}

		const uint8_t* data = this->wire.Rewrite(packet->GetBuffer(), len);

		if (!this->srtpSendSession->EncryptRtp")
replace(include/RTC/Transport.hpp
  "		ankerl::unordered_dense::map<std::string, RTC::Consumer*> mapConsumers;"
  "	protected:
		ankerl::unordered_dense::map<std::string, RTC::Consumer*> mapConsumers;

	private:")

# --- 2. Probing. What goes through a downlink at a lower layer says little of what else it could carry; that is
# found by sending faster for some milliseconds, a probe. How long, how fast and how often: workers/media/pool.ts.

# All transports of a worker write their probation packets into one buffer, and took the last sequence number out of
# it: each new transport threw the others' back or forth by anything up to 2^16, and SRTP refuses to send what is too
# old (RFC 3711, section 3.3.2). Their transport-wide numbers were then told as lost. Each counts for itself.
set(probation src/RTC/RTP/ProbationGenerator.cpp)
replace(include/RTC/RTP/ProbationGenerator.hpp
  "size_t probationPacketMinLength{ 0 };"
  "size_t probationPacketMinLength{ 0 };
			uint16_t sequenceNumber{ 0 };
			uint32_t timestamp{ 0 };")
replace(${probation}
  "this->probationPacket->SetSequenceNumber(Utils::Crypto::GetRandomUInt<uint16_t>(0, 65535));"
  "this->sequenceNumber = Utils::Crypto::GetRandomUInt<uint16_t>(0, 65535);")
replace(${probation}
  "this->probationPacket->SetTimestamp(Utils::Crypto::GetRandomUInt<uint32_t>(0, 4294967295));"
  "this->timestamp = Utils::Crypto::GetRandomUInt<uint32_t>(0, 4294967295);")
replace(${probation} "this->probationPacket->GetSequenceNumber() + 1;" "++this->sequenceNumber;")
replace(${probation} "this->probationPacket->GetTimestamp() + 20;" "this->timestamp += 20;")

# libwebrtc probes periodically only where an application sends less than it could, and a viewer of a lower layer often
# sends all of its estimate. mediasoup sets as the upper limit what its consumers would take: below it, more is wanted.
set(controller deps/libwebrtc/libwebrtc/modules/congestion_controller/goog_cc/probe_controller.cc)
replace(${controller}
  "if (alr_start_time_ms_ && estimated_bitrate_bps_ > 0) {"
  "const bool wants_more = estimated_bitrate_bps_ < max_bitrate_bps_;
    if ((alr_start_time_ms_ || wants_more) && estimated_bitrate_bps_ > 0) {")
replace(${controller}
  "std::max(*alr_start_time_ms_, time_last_probing_initiated_ms_)"
  "std::max(alr_start_time_ms_.value_or(0), time_last_probing_initiated_ms_)")

# The probes that a higher limit asks for were made and then forgotten.
replace(deps/libwebrtc/libwebrtc/call/rtp_transport_controller_send.cc
  "  controller_->OnTargetRateConstraints(constraints)"
  "  PostUpdates(controller_->OnTargetRateConstraints(constraints))")

# A step of a probe was sent each time that the timer came, which is every 5 ms where it should have been 2: a probe at
# half its rate finds nothing. As many as are due are sent now.
set(pacer deps/libwebrtc/libwebrtc/modules/pacing/paced_sender.cc)
replace(${pacer}
  "  PacedPacketInfo pacing_info;
  absl::optional<size_t> recommended_probe_size;
"
  "  bool due = true;
  while (due && prober_.IsProbing()) {
  PacedPacketInfo pacing_info;
  absl::optional<size_t> recommended_probe_size;
")
replace(${pacer}
  "    prober_.ProbeSent((now + 500) / 1000, bytes_sent);
  }
}"
  "    prober_.ProbeSent((now + 500) / 1000, bytes_sent);
  }
  due = bytes_sent != 0 && prober_.TimeUntilNextProbe(DepLibUV::GetTimeMs()) <= 0;
  }
}")

# For so long after a downlink made it lower a viewer's layer, mediasoup raises none: in 10 s nobody would be up
# again within 10 s of recovery.
foreach(kind Simulcast Svc)
  replace("src/RTC/${kind}ProducerStreamManager.cpp"
    "BweDowngradeConservativeMs{ 10000 }"
    "BweDowngradeConservativeMs{ 4000 }")
endforeach()

# --- 3. A downlink that narrows suddenly loses most of what is sent, and its viewer asks for all of it again and again:
# up to 15 Mbit/s went into a line of 400 kbit/s. In any second no more than half of the estimate is sent again
# (libwebrtc's own senders bound it too, by all of the estimate, but send less of the rest).
replace(src/RTC/Transport.cpp
  "void Transport::OnConsumerRetransmitRtpPacket(RTC::Consumer* consumer, RTC::RTP::Packet* packet)
	{
		MS_TRACE();
"
  "void Transport::OnConsumerRetransmitRtpPacket(RTC::Consumer* consumer, RTC::RTP::Packet* packet)
	{
		MS_TRACE();

		if (
		  this->tccClient &&
		  this->sendRtxTransmission.GetBitrate(this->shared->GetTimeMs()) >
		    this->tccClient->GetAvailableBitrate() / 2)
		{
			return;
		}
")

# Where more than three of ten packets are lost, what arrives is what the line carries: by halves of the loss the
# estimate took seconds to come down to it, with the picture standing still meanwhile. Not in the first two seconds: a page
# takes no probes yet (web/lib/probation.ts), which look lost then.
replace(deps/libwebrtc/libwebrtc/modules/bitrate_controller/send_side_bandwidth_estimation.cc
  "          has_decreased_since_last_fraction_loss_ = true;"
  "          if (loss > 0.3f && acknowledged_rate_ && !IsInStartPhase(at_time))
            new_bitrate = std::min(new_bitrate, *acknowledged_rate_);
          has_decreased_since_last_fraction_loss_ = true;")

get_property(patched GLOBAL PROPERTY PATCHED_FILES)
foreach(file IN LISTS patched)
  if(file MATCHES "\\.(cpp|cc)$")
    list(REMOVE_ITEM SOURCES "${MEDIASOUP_WORKER}/${file}")
    list(APPEND SOURCES "${PATCHED}/${file}")
  endif()
endforeach()
